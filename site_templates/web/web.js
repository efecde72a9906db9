// The web program's own pages: reload while something runs, and the switch between light and dark.
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

  const root = document.documentElement;
  const toggle = document.querySelector("[data-theme-toggle]");
  if (toggle) {
    const dark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
    const show = () => { toggle.textContent = dark() ? "Light" : "Dark"; };
    toggle.hidden = false;
    toggle.addEventListener("click", function () {
      root.dataset.theme = dark() ? "light" : "dark";
      try {
        localStorage.setItem("theme", root.dataset.theme);
      } catch (refused) {
        // storage may be disabled
      }
      show();
    });
    show();
  }
})();
