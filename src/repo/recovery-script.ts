/**
 * recover.sh, the beginning and the end: usage, keys, small objects, and what is done for which command. Owns putting the
 * parts together; the parts in between are in recovery-script-list.ts, -chunks.ts and -files.ts. POSIX sh, tried with
 * dash. In all parts `@{` stands for the dollar and brace that a template would take for its own.
 */
import { CHUNKS_PART } from './recovery-script-chunks.ts';
import { RESTORE_PART } from './recovery-script-files.ts';
import { JQ_PART, LIST_PART } from './recovery-script-list.ts';

const HEAD_PART = String.raw`#!/bin/sh
# Lists and restores snapshots of an Icecore repository without Icecore, with age, zstd, tar, jq and the usual GNU
# tools. RECOVERY.md beside this file explains what it does, and how to do it by hand.
#
# Not checked here: who signed an object. age proves that nothing was altered by somebody without the keys, and
# with openssl at hand every chunk is checked against its id. Not restored: paths of 4,096 bytes and more.
set -u
LC_ALL=C
export LC_ALL
umask 077
AGE=@{AGE:-age}

usage() {
  cat >&2 <<'END'
usage: recover.sh [-i FILE] [-k NAME] REPOSITORY list
       recover.sh [-i FILE] [-k NAME] REPOSITORY ls SNAPSHOT
       recover.sh [-i FILE] [-k NAME] REPOSITORY restore SNAPSHOT TARGET [PATH]

  REPOSITORY  a folder that holds the objects of the repository (copy a bucket into one first)
  SNAPSHOT    an id as list shows it, the beginning of one, or: latest
  TARGET      a folder that is empty or does not exist; everything is restored below it with its full path
  PATH        restore only what lies here, as ls shows it
  -k NAME     the key file keys/NAME.age, default: admin; age asks for its passphrase
  -i FILE     instead: an age identity that a file in keys/ is sealed to, or a key bundle exported by icecore

Names are shown with control characters, \, | and bytes that are not UTF-8 as \0 and three octal digits.
Temporary files go to TMPDIR (/tmp): the list of files, several times, and the content of one pack, unpacked.
AGE names another age program. Exit status: 0 done, 3 done but for what was reported, 1 failed, 2 usage.
END
  exit 2
}

say() {
  printf 'recover.sh: %s\n' "$*" >&2
}

die() {
  say "$*"
  exit 1
}

# Reports what goes wrong without ending the run. Subshells report too, so the count is in a file.
problem() {
  say "$*"
  echo x >>"$W/problems"
}

`;

const OBJECTS_PART = String.raw`# --- keys and small objects ---------------------------------------------------------------------------------------

open_keys() {
  if [ -z "$identity" ]; then
    [ -f "$R/keys/$key.age" ] || die "there is no $R/keys/$key.age"
    "$AGE" -d -o "$W/bundle" "$R/keys/$key.age" || die "the passphrase does not open keys/$key.age"
  else
    [ -r "$identity" ] || die "cannot read $identity"
    case $(head -c 14 "$identity" | tr -d '\000') in
      age-encryption) "$AGE" -d -o "$W/bundle" "$identity" || die "$identity does not open" ;;
      '{'*) cat "$identity" >"$W/bundle" ;;
      *)
        for file in "$R"/keys/*.age; do
          "$AGE" -d -i "$identity" -o "$W/bundle" "$file" 2>>"$W/age.log" && break
        done
        [ -s "$W/bundle" ] || die "$identity opens no file in $R/keys: $(tail -n 1 "$W/age.log" 2>/dev/null)"
        ;;
    esac
  fi
  jq -er '.metaIdentity' "$W/bundle" >"$W/M" || die 'this is not a key bundle'
  jq -r '.dataIdentity // empty' "$W/bundle" >"$W/D"
  own=$(jq -r '.repo' "$W/bundle")
  here=$(jq -r '.repo' "$R/icecore.json" 2>/dev/null) || here=$own
  [ "$own" = "$here" ] || die "the key is for repository $own, this is $here"
  for file in "$R"/config/*.age; do
    open_object "$file" "$W/config" && return
  done
  if grep -q 'AGE-SECRET-KEY-PQ-' "$W/M"; then die "$("$AGE" --version) cannot open this: post-quantum keys need age 1.3 or newer"; fi
  die 'the keys do not open the settings of this repository'
}

# open_object FILE OUT: an object sealed to M. zstd passes over the frame that says who signed.
open_object() {
  "$AGE" -d -i "$W/M" -o "$W/sealed" "$1" 2>>"$W/age.log" && zstd -dcq <"$W/sealed" >"$2" 2>>"$W/age.log"
}

# Fills $W/snapshots: id|time|host|state|root|level|files|bytes|paths
load_snapshots() {
  : >"$W/forgotten"
  for file in "$R"/gc/*.age; do
    [ -f "$file" ] || continue
    open_object "$file" "$W/object" || { problem "$file cannot be read"; continue; }
    jq -r 'if .forgotten then "f|" + .forgotten elif .recalled then "r|" + .recalled else empty end' "$W/object" >>"$W/forgotten"
  done
  : >"$W/snapshots"
  for file in "$R"/snapshots/*.age; do
    [ -f "$file" ] || continue
    open_object "$file" "$W/object" || { problem "$file cannot be read"; continue; }
    state=$(awk -F'|' -v id="$(basename "$file" .json.zst.age)" '$2 == id { s = $1 } END { print s }' "$W/forgotten")
    jq -r --arg state "$state" "$JQ_TEXT"'
      select(.snapshot == 1) | [.id, .time, (.host | esc),
        (if $state == "f" then "forgotten" elif .partial then "partial" elif .complete then "complete" else "incomplete" end),
        (.root.id | check("[0-9a-f]{64}")), .root.level, .totals.files, .totals.bytes,
        ([.paths[] | if type == "object" then .raw | raw else esc end] | join(" "))] | map(tostring) | join("|")
    ' "$W/object" >>"$W/snapshots" || problem "$file makes no sense"
  done
}

find_snapshot() {
  load_snapshots
  if [ "$1" = latest ]; then
    found=$(awk -F'|' '$4 == "complete" || $4 == "incomplete" { s = $0 } END { print s }' "$W/snapshots")
  else
    found=$(awk -F'|' -v want="$1" 'index($1, want) == 1' "$W/snapshots")
  fi
  case $found in
    '') die "there is no snapshot $1" ;;
    *'
'*) die "$1 is the beginning of more than one snapshot" ;;
  esac
  [ -s "$W/D" ] || die 'these keys do not open content: use the passphrase, or the bundle of a reader'
}

`;

const MAIN_PART = String.raw`# --- what was asked for -------------------------------------------------------------------------------------------

identity=
key=admin
while getopts i:k: option; do
  case $option in
    i) identity=$OPTARG ;;
    k) key=$OPTARG ;;
    *) usage ;;
  esac
done
shift $((OPTIND - 1))
[ $# -ge 2 ] || usage
R=$1
command=$2
shift 2
case $command:$# in
  list:0 | ls:1 | restore:2 | restore:3) ;;
  *) usage ;;
esac
[ -f "$R/icecore.json" ] || [ -d "$R/snapshots" ] || die "$R is not a repository"
R=$(cd -- "$R" && pwd)
for tool in "$AGE" zstd tar jq; do
  command -v "$tool" >/dev/null || die "$tool is not installed"
done
W=$(mktemp -d) || die 'cannot make a temporary folder'
trap 'rm -rf "$W"' EXIT
trap 'exit 130' HUP INT TERM
: >"$W/problems"
open_keys
case $command in
  list)
    load_snapshots
    while IFS='|' read -r id time host state _ _ files bytes paths; do
      printf '%s  %s  %-10s  %9s files %15s bytes  %s  %s\n' "$id" "$time" "$state" "$files" "$bytes" "$host" "$paths"
    done <"$W/snapshots"
    ;;
  ls)
    find_snapshot "$1"
    load_chunk_key
    load_index
    load_table
    nodes fdlpbch | awk -F'|' '{ printf "%s %s %5s %5s %12s %s %s%s\n", $2, $3, $4, $5, $7, $6, $10, ($2 == "l" || $2 == "h" ? " -> " $8 : "") }'
    ;;
  restore)
    T=$2
    find_snapshot "$1"
    load_chunk_key
    load_index
    load_table
    if [ $# -eq 3 ]; then
      case $3 in
        *\\*) select_path "$3" ;;
        *) select_path "$(jq -nr --arg path "$3" "$JQ_TEXT"'$path | esc')" ;;
      esac
    fi
    load_lists
    restore
    ;;
esac
if [ -s "$W/problems" ]; then
  say "done, with $(wc -l <"$W/problems") problems"
  exit 3
fi
`;

/** The whole script; the same for every repository. */
export function assembleScript(): string {
  const parts = [HEAD_PART, OBJECTS_PART, JQ_PART, CHUNKS_PART, LIST_PART, RESTORE_PART, MAIN_PART];
  return parts.join('').replaceAll('@{', '$'.concat('{'));
}
