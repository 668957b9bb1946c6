// The theme is set before the first paint. It follows the system until someone
// chooses otherwise.
(() => {
  try {
    const chosen = localStorage.getItem('fairlead.theme');
    if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
  } catch { /* storage is off: the system's theme it is */ }
})();
