// A picture with words for those who cannot see it. And sliders around it keep their arrow keys: Jupyter Notebook would
// take them to go from heading to heading.

function keepsKeys({ target }) {
  if (target.matches(".noUi-handle")) target.setAttribute("data-lm-suppress-shortcuts", "");
}

function render({ model, el }) {
  const image = el.appendChild(document.createElement("img"));
  image.className = "picture";
  image.style.maxWidth = "100%";
  const show = () => {
    URL.revokeObjectURL(image.src);
    image.alt = model.get("alt");
    image.src = URL.createObjectURL(new Blob([model.get("value")], { type: "image/png" }));
  };
  model.on("change:value", show);
  show();
  image.onload = () => el.closest(".widget-vbox")?.addEventListener("focusin", keepsKeys);
  return () => { model.off("change:value", show); URL.revokeObjectURL(image.src); };
}

export default { render };
