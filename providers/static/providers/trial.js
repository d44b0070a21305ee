/* Tests a provider that is not saved: sends the form as it stands, and shows the answer below the button. */
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-gateway-trial]");
  if (!button) return;
  event.preventDefault();
  const place = document.querySelector("[data-gateway-trial-result]");
  button.disabled = true;
  place.textContent = "Asking the provider …";
  try {
    const answer = await fetch(button.dataset.gatewayTrial, { method: "POST", body: new FormData(button.form) });
    if (!answer.ok || answer.redirected) throw new Error(`HTTP ${answer.status}`);
    place.innerHTML = await answer.text();
  } catch (error) {
    place.textContent = `The test was not run (${error.message}). Save your input elsewhere, reload the page, and try again.`;
  } finally {
    button.disabled = false;
    /* Not below the bar with the buttons. */
    place.scrollIntoView({ block: "center" });
  }
});
/* The tick beside a refused private address is that of the form. */
document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-gateway-allow-local]")) return;
  document.querySelector("[name=is_local]").checked = event.target.checked;
  if (event.target.checked) document.querySelector("[data-gateway-trial]").click();
});
/* Enter in the model's name tests, and does not save. */
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.target.id !== "trial-model") return;
  event.preventDefault();
  document.querySelector("[data-gateway-trial]").click();
});
