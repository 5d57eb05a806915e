// A plain view of what a file says. Nothing is verified here, and the page says so.

/** Lines about a file, for people. */
export function plainView(name: string, bytes: Uint8Array): string[] {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return ['Not text; it cannot be shown.'];
  }
  if (text.includes('-----BEGIN PUBLIC KEY-----')) return ['A public key.'];
  if (text.includes('-----BEGIN CERTIFICATE-----')) return ['A certificate.'];
  try {
    const document: unknown = JSON.parse(text);
    const lines = ofMetadata(document);
    if (lines) return lines;
  } catch {
    // No JSON: then it is text.
  }
  return [/\.json$/i.test(name) ? 'JSON of another kind than TUF metadata.' : 'Text.'];
}

type Fields = Record<string, unknown>;
const fields = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {});
const count = (value: unknown): number => Object.keys(fields(value)).length;

function ofMetadata(document: unknown): string[] | null {
  const signed = fields(fields(document).signed);
  const kind = signed._type;
  if (typeof kind !== 'string') return null;
  const signatures = fields(document).signatures;
  const signers = Array.isArray(signatures) ? signatures.length : 0;
  const lines = [
    `${kind}, version ${String(signed.version)}, expires ${String(signed.expires)}`,
    `${signers} signature${signers === 1 ? '' : 's'}, not checked here`,
  ];
  for (const [role, value] of Object.entries(fields(signed.roles))) {
    const keys = fields(value).keyids;
    lines.push(`${role}: ${String(fields(value).threshold)} of ${Array.isArray(keys) ? keys.length : 0} keys must sign`);
  }
  if (signed.targets !== undefined) lines.push(`${count(signed.targets)} targets`);
  for (const [file, value] of Object.entries(fields(signed.meta))) lines.push(`${file}: version ${String(fields(value).version)}`);
  const roles = fields(signed.delegations).roles;
  if (Array.isArray(roles) && roles.length) lines.push(`delegates to ${roles.map((role) => String(fields(role).name)).join(', ')}`);
  return lines;
}
