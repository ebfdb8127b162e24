/** RECOVERY.md: tells somebody who has the repository and its passphrase, and nothing else, how to get the files back. */

/** The text for one repository. */
export function describeRecovery(repo: string): string {
  return `# How to get the files back

This folder or bucket is an Icecore repository, number ${repo}. It holds backups, encrypted.
What you need: all of it, its passphrase (or a key file made by \`icecore key\`), and a Linux machine.

## With Icecore

    icecore -r <this place> restore latest --target <folder>

Icecore is free software; any version that knows format 1 will do (see \`icecore.json\`).

## Without Icecore

\`recover.sh\`, beside this file, needs only \`age\`, \`zstd\`, \`tar\`, \`jq\` and the GNU tools that every Linux has. On Debian and
Ubuntu: \`apt install age zstd jq openssl attr\`. Repositories with post-quantum keys (the default) need age 1.3 or newer;
those made with \`--age-type x25519\` take any version. age and its format are described at https://age-encryption.org.

1. If the repository is in a bucket, copy all of it into a folder, with the AWS command line or with rclone:

       aws s3 sync s3://<bucket>/<prefix> <folder>
       rclone copy <remote>:<bucket>/<prefix> <folder>

   Stores other than AWS take \`--endpoint-url https://<host>\` after \`aws\`. Packs in an archive class (GLACIER,
   DEEP_ARCHIVE) have to be restored by the store first, which takes hours: \`aws s3api restore-object\` or
   \`rclone backend restore\` asks for it, and \`aws s3 sync --force-glacier-transfer\` then copies them too. Both of
   them go on where they stopped. Never copy back into the bucket.
2. See what is there. age asks for the passphrase:

       sh recover.sh <folder> list
       sh recover.sh <folder> ls latest

3. Restore everything, or one path of it, into an empty folder:

       sh recover.sh <folder> restore latest <target>
       sh recover.sh <folder> restore <snapshot> <target> /home/eve/photos

It works through the packs one after the other, and needs room in TMPDIR for the list of files (about four times its
size as text) and for the content of one pack. Run it as root to get owners and devices back. It names what it could not
restore, and ends with status 3 then. Run by itself it shows all of its options.

## By hand

Everything is age files around zstd around plain formats.

- \`age -d -o bundle.json keys/admin.age\` asks for the passphrase and gives JSON with two age identities: \`metaIdentity\`
  (call it M) and \`dataIdentity\` (D). Put each into a file of its own, and remove all three files afterwards.
- \`age -d -i M snapshots/<id>.json.zst.age | zstd -d | jq .\` shows a snapshot: when, what, and the \`root\` of its list of files.
- \`age -d -i D packs/<session>/<n>.tar.zst.age | zstd -d | tar x\` unpacks a pack into chunks: pieces of files, each named by
  a number of 64 digits. \`meta/\` has packs of the same form with the chunks of the lists of files.
- \`age -d -i M index/<session>/<n>.jsonl.zst.age | zstd -d\` says which chunk lies in which pack.
- A list of files begins at the chunk that the snapshot's \`root\` names. It names segments: chunks with a JSON line for every
  file, which names the chunks that the file is made of. Put one after the other, they are the file
  (but for holes: \`sparse\` says where the content belongs).

That is all that recover.sh does. The format is described in full in docs/format.md of Icecore's source.
`;
}
