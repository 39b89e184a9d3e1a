/** After asking for pictures: to the first entry that is not right, or, where results lie below, to them. */
export function revealOutcome(): void {
  requestAnimationFrame(() => {
    const wrong = document.querySelector<HTMLElement>('#no-face, [aria-invalid="true"]');
    if (wrong === null) {
      document.getElementById('results')?.scrollIntoView({ block: 'nearest', behavior: 'smooth' });
      return;
    }
    wrong.closest('details')?.setAttribute('open', '');
    wrong.scrollIntoView({ block: 'center' });
    wrong.focus({ preventScroll: true });
  });
}
