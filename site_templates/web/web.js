// The web program's own pages: reload while something runs, hand over decisions, drop files. Tables and the theme are in
// portal.js.
(function () {
  "use strict";

  const wait = Number(document.body.dataset.wait || 0);
  if (wait) setTimeout(() => location.reload(), wait * 1000);

  // The file of the portal's review form, which portal_hook.js left for this page; it stays for another try.
  const decisions = document.querySelector("[data-decisions]");
  if (decisions) {
    try {
      const file = JSON.parse(sessionStorage.getItem("decisions") || "null");
      if (file) {
        decisions.elements.path.value = file.path;
        decisions.elements.text.value = file.text;
        if (file.fresh) {
          sessionStorage.setItem("decisions", JSON.stringify({ path: file.path, text: file.text }));
          decisions.submit();
        }
      }
    } catch (refused) {
      // storage may be disabled
    }
  }

  // Files may also be dropped. Without this script, the file input and the button do the same.
  const files = document.querySelector("form[data-import]");
  if (files) {
    const input = files.querySelector("input[type=file]");
    const area = files.querySelector("[data-drop]");
    const said = files.querySelector("[data-import-said]");
    const state = files.querySelector("[data-import-state]");
    const button = files.querySelector("button");
    const most = Number(files.dataset.most);
    files.querySelector("[data-drop-hint]").hidden = false;

    const refusal = function () {
      const size = Array.from(input.files).reduce((sum, file) => sum + file.size, 0);
      return size > most ? "These files are larger than the " + (most / 2 ** 20).toLocaleString("en-US", {maximumFractionDigits: most < 2 ** 20 ? 1 : 0}) + " MB that one upload may have." : "";
    };
    const check = function () {
      said.textContent = refusal();
      said.hidden = !said.textContent;
      return said.hidden;
    };

    // A file that misses the area must not replace the page.
    ["dragover", "drop"].forEach((kind) => addEventListener(kind, (event) => event.preventDefault()));
    addEventListener("dragover", (event) => area.classList.toggle("over", area.contains(event.target)));
    addEventListener("dragleave", (event) => { if (!event.relatedTarget) area.classList.remove("over"); });
    addEventListener("drop", function (event) {
      area.classList.remove("over");
      if (!area.contains(event.target) || !event.dataTransfer.files.length) return;
      input.files = event.dataTransfer.files;
      if (check()) files.requestSubmit();
    });
    input.addEventListener("change", check);
    files.addEventListener("submit", function (event) {
      if (!check()) {
        event.preventDefault();
        return;
      }
      button.disabled = true;
      state.textContent = "Uploading " + (input.files.length === 1 ? input.files[0].name : input.files.length + " files") + " …";
    });
    addEventListener("pageshow", function () {
      button.disabled = false;
      state.textContent = "";
    });
  }
})();
