// Keeps the phone fresh without reloading: the page is fetched every second and only what changed is put
// in, so that a button never moves away under a finger.
"use strict";

async function refresh() {
  const answer = await fetch(location.href, { cache: "no-store" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const id of ["pushes", "google", "token", "totp", "seconds", "clock"]) {
    const now = document.getElementById(id);
    const next = fresh.getElementById(id);
    if (now && next && now.innerHTML !== next.innerHTML) now.replaceChildren(...next.childNodes);
  }
}

async function loop() {
  try {
    await refresh();
  } catch {
    // The simulator is away; it may come back.
  }
  setTimeout(loop, 1000);
}

setTimeout(loop, 1000);
