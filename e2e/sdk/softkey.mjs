// An authenticator in software with one ES256 credential, in place of navigator.credentials (WebAuthn §6, §7).
import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";

const sha256 = (data) => createHash("sha256").update(data).digest();
const buffer = (b) => b.buffer.slice(b.byteOffset, b.byteOffset + b.byteLength);

// CBOR of what is needed here: a text, and a byte string of less than 64 KiB.
const text = (s) => Buffer.concat([Buffer.from([0x60 + s.length]), Buffer.from(s)]);
const bytes = (b) => Buffer.concat([Buffer.from([0x59, b.length >> 8, b.length & 0xff]), b]);

const userPresent = 0x01;
const attestedData = 0x40;

export class SoftKey {
  constructor(origin) {
    this.origin = origin;
    this.rpId = new URL(origin).hostname;
    this.id = randomBytes(16);
    this.pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.count = 0;
  }

  clientData(type, challenge) {
    return Buffer.from(JSON.stringify({ type, challenge: Buffer.from(challenge).toString("base64url"), origin: this.origin, crossOrigin: false }));
  }

  authenticatorData(rpId, flags) {
    const count = Buffer.alloc(4);
    count.writeUInt32BE(++this.count);
    return Buffer.concat([sha256(rpId || this.rpId), Buffer.from([flags]), count]);
  }

  create({ challenge, rp }) {
    const { x, y } = this.pair.publicKey.export({ format: "jwk" });
    const cose = Buffer.concat([
      Buffer.from([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]), Buffer.from(x, "base64url"),
      Buffer.from([0x22, 0x58, 0x20]), Buffer.from(y, "base64url"),
    ]);
    const data = Buffer.concat([
      this.authenticatorData(rp.id, userPresent | attestedData), Buffer.alloc(16), Buffer.from([0, this.id.length]), this.id, cose,
    ]);
    const object = Buffer.concat([
      Buffer.from([0xa3]), text("fmt"), text("none"), text("attStmt"), Buffer.from([0xa0]), text("authData"), bytes(data),
    ]);
    return {
      id: this.id.toString("base64url"),
      response: {
        clientDataJSON: buffer(this.clientData("webauthn.create", challenge)), attestationObject: buffer(object), getTransports: () => ["usb"],
      },
    };
  }

  get({ challenge, rpId, allowCredentials }) {
    if (!allowCredentials.some((c) => Buffer.from(c.id).equals(this.id))) throw new Error("none of the credentials asked for is mine");
    const client = this.clientData("webauthn.get", challenge);
    const data = this.authenticatorData(rpId, userPresent);
    return {
      id: this.id.toString("base64url"),
      response: {
        clientDataJSON: buffer(client), authenticatorData: buffer(data),
        signature: buffer(sign("sha256", Buffer.concat([data, sha256(client)]), this.pair.privateKey)),
      },
    };
  }
}
