// The colors that were chosen last, before anything is painted.
try {
  var chosen = localStorage.getItem("theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
} catch (error) {
  // Storage may be switched off; then the system's colors hold.
}
