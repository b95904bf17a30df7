// What scrolls sideways can be reached, and scrolled, with the keyboard.
const wide = "pre, .table-wrapper, .formula, .output";
const name = (box) => (box.matches(".table-wrapper") ? "Table" : box.matches("pre, .output") ? "Code" : "Formula");
const reach = () => {
  for (const box of document.querySelectorAll(wide)) {
    const scrolls = box.scrollWidth > box.clientWidth + 1;
    if (scrolls && !box.hasAttribute("tabindex")) {
      box.setAttribute("tabindex", "0");
      box.setAttribute("role", "region");
      box.setAttribute("aria-label", `${name(box)}, scrolls sideways`);
    }
  }
};
window.addEventListener("load", reach);
window.addEventListener("resize", reach);
