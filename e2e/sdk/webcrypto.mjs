// Debian 12's Node.js 18 keeps Web Crypto in a module; the SDK looks for it where browsers and later versions have it.
// Imported before the SDK.
import { webcrypto } from "node:crypto";

globalThis.crypto ??= webcrypto;
