// Enhancement only: every page works without it.
"use strict";

// again asks for the page afresh, as a GET, so that the browser never offers to send a form twice.
// A page with a fragment would only scroll under replace, and is reloaded.
function again() {
	if (location.hash) location.reload();
	else location.replace(location.href);
}

// watch listens for the end of a wait. The browser reconnects by itself; when the gate refuses the
// stream for good, the page asks again, as it would without script.
function watch(status) {
	const retryAfter = 4000, longAfter = 30000;
	const elapsed = document.getElementById("elapsed");
	const started = Date.now();
	let stream, lost = false, shown = "";

	function say(text) {
		if (text === shown) return; // a live region is read out whenever it is written
		shown = text;
		status.textContent = text;
	}
	function tick() {
		const seconds = Math.floor((Date.now() - started) / 1000);
		if (elapsed) {
			elapsed.textContent = Math.floor(seconds / 60) + ":" + String(seconds % 60).padStart(2, "0");
			elapsed.hidden = false;
		}
		if (lost) say(status.dataset.lost);
		else say(Date.now() - started > longAfter ? status.dataset.long : status.dataset.waiting);
	}
	function open() {
		stream = new EventSource(status.dataset.events);
		stream.onopen = () => { lost = false; };
		stream.addEventListener("change", () => { stream.close(); again(); });
		stream.onerror = () => {
			lost = true;
			if (stream.readyState === EventSource.CLOSED) setTimeout(again, retryAfter);
		};
	}
	open();
	tick(); // at once, so that no button moves under a finger a second later
	setInterval(tick, 1000);
	// An open stream would hold one of the browser's few connections after the page has gone.
	addEventListener("pagehide", () => stream.close());
}

// once lets a form go once: a second press must not send a second push. The fragment goes with it,
// so that the app's own place in its page survives the sign-in.
function once(form) {
	form.addEventListener("submit", (event) => {
		if (form.getAttribute("aria-busy")) {
			event.preventDefault();
			return;
		}
		form.setAttribute("aria-busy", "true");
		setTimeout(() => form.removeAttribute("aria-busy"), 10000); // the person may have stopped it
		if (event.submitter) event.submitter.classList.add("pressed");
		if (location.hash) form.action += location.hash;
	});
}

// reveal shows or hides what is typed.
function reveal(button) {
	const input = document.getElementById(button.getAttribute("aria-controls"));
	function show(on) {
		input.type = on ? "text" : "password";
		button.textContent = on ? button.dataset.hide : button.dataset.show;
	}
	button.hidden = false;
	button.addEventListener("click", () => { show(input.type === "password"); input.focus(); });
	// A password in plain text would be kept by the browser as ordinary form history.
	input.form.addEventListener("submit", () => show(false));
}

// copy puts a text on the clipboard.
function copy(button) {
	if (!navigator.clipboard) return;
	button.hidden = false;
	button.addEventListener("click", async () => {
		await navigator.clipboard.writeText(button.dataset.copy);
		button.textContent = button.dataset.copied;
	});
}

function decode64(text) {
	const binary = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
	return Uint8Array.from(binary, (c) => c.charCodeAt(0));
}

function encode64(buffer) {
	let binary = "";
	for (const byte of new Uint8Array(buffer)) binary += String.fromCharCode(byte);
	return btoa(binary).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

// credential asks the browser for a passkey or security key and sends what it gives.
function credential(form) {
	const status = document.getElementById("credential-status");
	const create = form.dataset.create === "true";
	form.hidden = false;
	if (!window.PublicKeyCredential) {
		status.textContent = form.dataset.unsupported;
		form.querySelector("button").hidden = true;
		return;
	}
	const descriptors = (list) => (list || []).map((c) => ({ ...c, id: decode64(c.id) }));
	const options = JSON.parse(form.dataset.options);
	options.challenge = decode64(options.challenge);
	if (create) {
		options.user.id = decode64(options.user.id);
		options.excludeCredentials = descriptors(options.excludeCredentials);
	} else options.allowCredentials = descriptors(options.allowCredentials);

	function fill(values) {
		for (const [name, value] of Object.entries(values)) form.elements["f." + name].value = value;
	}
	let sent = false, asking = false;
	form.addEventListener("submit", async (event) => {
		if (sent) return;
		event.preventDefault();
		event.stopImmediatePropagation();
		if (asking) return;
		asking = true;
		status.textContent = "";
		try {
			const got = await navigator.credentials[create ? "create" : "get"]({ publicKey: options });
			const answer = got.response;
			fill({ clientData: encode64(answer.clientDataJSON) });
			if (create) fill({
				attestation: encode64(answer.attestationObject),
				transports: JSON.stringify(answer.getTransports ? answer.getTransports() : []),
			});
			else fill({
				authenticatorData: encode64(answer.authenticatorData),
				signatureData: encode64(answer.signature),
			});
			sent = true;
			form.requestSubmit();
		} catch {
			asking = false;
			status.textContent = form.dataset.failed;
		}
	});
}

document.querySelectorAll("#credential").forEach(credential); // before once: what it stops must not count as sent
document.querySelectorAll(".copy").forEach(copy);
document.querySelectorAll("form").forEach(once);
document.querySelectorAll(".reveal").forEach(reveal);
const waiting = document.querySelector("[data-events]");
if (waiting) watch(waiting);
// A page that comes back from the browser's memory may be long out of date.
addEventListener("pageshow", (event) => { if (event.persisted) again(); });
