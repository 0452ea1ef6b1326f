"use strict";
// Buttons that copy a command: of use only where a script runs, so they are hidden without one.
for (const box of document.querySelectorAll(".command")) {
  const button = box.querySelector("button"), code = box.querySelector("code");
  button.hidden = false;
  button.setAttribute("aria-label", "Copy the command");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      // A page opened as a file may not write to the clipboard: select the text, so that Ctrl-C does.
      getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}
