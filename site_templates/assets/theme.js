// Apply the last chosen colors before anything is painted.
try {
  var chosen = localStorage.getItem("theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
} catch (error) {
  // Storage may be disabled; then the system's colors apply.
}
