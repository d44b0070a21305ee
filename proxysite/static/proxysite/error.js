/* The theme that was chosen in the pages, or else the system's; and a way back where there is one. */
(() => {
  let chosen = "auto";
  try {
    chosen = JSON.parse(localStorage.getItem("adminTheme")) || "auto";
  } catch {
    // No storage, or none of ours.
  }
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.classList.toggle("dark", chosen === "dark" || (chosen === "auto" && dark));
  document.addEventListener("DOMContentLoaded", () => {
    const back = document.querySelector("[data-back]");
    if (!back || history.length < 2) return;
    back.hidden = false;
    back.addEventListener("click", () => history.back());
  });
})();
