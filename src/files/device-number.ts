/** Device numbers: one integer to the kernel, a major and a minor number to people and manifests. Pure. */

/** Packs a device number as this system's mknod takes it. */
export function makeDevice(major: number, minor: number, platform: NodeJS.Platform = process.platform): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  if (platform === 'darwin') return ((high & 0xffn) << 24n) | (low & 0xffffffn);
  return ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn);
}

/** Takes apart the `rdev` of a stat on this system. */
export function splitDevice(
  device: bigint,
  platform: NodeJS.Platform = process.platform,
): { readonly major: number; readonly minor: number } {
  const rdev = BigInt.asUintN(64, device);
  if (platform === 'darwin') return { major: Number((rdev >> 24n) & 0xffn), minor: Number(rdev & 0xffffffn) };
  return {
    major: Number(((rdev >> 32n) & 0xfffff000n) | ((rdev >> 8n) & 0xfffn)),
    minor: Number(((rdev >> 12n) & 0xffffff00n) | (rdev & 0xffn)),
  };
}
