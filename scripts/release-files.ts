// The texts of a release: SHA256SUMS, and the install.sh that knows its version and the sums of what it will download.
// Pure: texts in, texts out.

/** One line of sums: hex, two spaces, name; as sha256sum writes and reads them. */
export type Sum = { sha256: string; name: string };

export function sumsText(sums: Sum[]): string {
  return sums.map(({ sha256, name }) => `${sha256}  ${name}\n`).join("");
}

export type Baked = { version: string; sums: Sum[]; baseUrl: string };

/** install.sh with its three empty constants filled in. Throws when the text has not each of them exactly once, or when a value
 *  could end the quotes it is put between. */
export function bakedInstaller(text: string, { version, sums, baseUrl }: Baked): string {
  const values = { version, baked_sums: sumsText(sums).trimEnd(), base_url: baseUrl };
  return Object.entries(values).reduce((done, [name, value]) => {
    if (value.includes("'")) throw new Error(`${name} may hold no quote: ${value}`);
    const empty = `\n${name}=''\n`;
    const found = done.split(empty).length - 1;
    if (found !== 1) throw new Error(`install.sh has ${found} lines ${name}='', expected 1`);
    return done.replace(empty, () => `\n${name}='${value}'\n`);
  }, text);
}
