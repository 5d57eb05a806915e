// The few things that both halves of the page do with its elements.

export function element<T extends HTMLElement = HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

/** Says something where people look and where a screen reader listens; the same thing is said once. */
export function say(where: HTMLElement, text: string, kind: 'plain' | 'good' | 'warn' | 'bad' = 'plain'): void {
  if (where.textContent === text) return;
  where.textContent = text;
  where.className = kind;
}

export function list(id: string, texts: string[]): void {
  element(id).replaceChildren(
    ...texts.map((text) => {
      const item = document.createElement('li');
      item.textContent = text;
      return item;
    }),
  );
}
