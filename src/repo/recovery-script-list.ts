/**
 * recover.sh, the part that reads the list of files into a table of lines. Names are carried as one line of text each,
 * escaped for printf %b, so that no name can be taken for anything else. Shell and jq text only.
 */

/** jq functions: names as text, segments as records. */
export const JQ_PART: string = String.raw`# jq: names as one line of text. Control characters, \ and | become \0 and three octal digits, as printf %b reads them.
JQ_TEXT='
def oct: "\\0" + ([. / 64, . % 64 / 8, . % 8] | map(floor | tostring) | add);
def isodd: . < 32 or . == 127 or . == 92 or . == 124;
def esc: if test("[\\x00-\\x1f\\x7f\\\\|]") then [explode[] | if isodd then oct else [.] | implode end] | add else . end;
def sextet: if . >= 97 then . - 71 elif . >= 65 then . - 65 elif . >= 48 then . + 4 elif . == 43 then 62 else 63 end;
def octets: [explode[] | select(. != 61) | sextet] as $s | range(($s | length) - 1) as $i
  | if $i % 4 == 0 then $s[$i] * 4 + ($s[$i + 1] / 16 | floor)
    elif $i % 4 == 1 then $s[$i] % 16 * 16 + ($s[$i + 1] / 4 | floor)
    elif $i % 4 == 2 then $s[$i] % 4 * 64 + $s[$i + 1] else empty end;
def bytes: map(if isodd or . > 126 then oct else [.] | implode end) | add // "";
def raw: [octets] | bytes;
def text($t; $r): if .[$r] != null then .[$r] | raw else .[$t] | esc end;
def check($re): tostring | if test("\\A(?:" + $re + ")\\z") then . else error("a field is malformed: " + .[0:80]) end;
'

# jq: a segment of the list of files as records.
#   N|type|mode|uid|gid|mtime|size|extra|n|path     extra: target, device or first path of a hard link
#   x|n|i|offset|length   c|n|i|chunk   L|n|list of chunks   a|n|attribute|base64   !|problem
JQ_WALK='
def name: if test("\\A\\.{0,2}\\z|/|\\\\0000") then error("a name is malformed: " + .) else . end;
def full: if . == "/" or (startswith("/") and (test("//|/\\z|/\\.{1,2}(/|\\z)|\\\\0000") | not)) then . else error("a path is malformed: " + .) end;
foreach inputs as $l ({parts: [], n: 0};
  if $l.dir != null then
    ($l | text("dir"; "raw")) as $d
    | .parts = (if $l.up != null then .parts[0:(.parts | length) - $l.up] + ($d | split("/")) else $d | full | ltrimstr("/") | split("/") end)
    | .dir = (if (.parts | length) > 2048 then null else "/" + (.parts | join("/")) | full end)
  else .n += 1 end;
  . as $s | $l
  | if .dir != null then (if $s.dir == null then "!|a directory is too deep for this script: /" + ($s.parts[0:8] | join("/")) + "/..." else empty end)
    elif $s.dir == null then empty
    else
      ((if $s.dir == "/" then "" else $s.dir end) + "/" + (text("name"; "raw") | name)) as $path
      | "\($segment).\($s.n)" as $n
      | ({file: "f", dir: "d", symlink: "l", fifo: "p", block: "b", char: "c"}[.type] // error("a type is unknown")) as $type
      | (["N", (if .hardlink != null then "h" else $type end), (.mode | check("[0-7]{4}")), (.uid | check("[0-9]+")), (.gid | check("[0-9]+")),
          (.mtime | check("-?[0-9]+\\.[0-9]{9}")), (.size // 0 | check("[0-9]+")),
          (if .hardlink != null then text("hardlink"; "rawHardlink") | full
           elif .target != null then text("target"; "rawTarget")
           elif .rdev then "\(.rdev.major) \(.rdev.minor)" | check("[0-9]+ [0-9]+") else "" end),
          $n, $path] | join("|")),
        ((.sparse // [])| to_entries[] | "x|\($n)|\(.key)|\(.value[0])|\(.value[1])"),
        ((.chunks // []) | to_entries[] | "c|\($n)|\(.key)|\(.value | check("[0-9a-f]{64}"))"),
        (if .list then "L|\($n)|\(.list | check("[0-9a-f]{64}"))" else empty end),
        ((.xattrs // {}) | to_entries[] | "a|\($n)|\(.key | explode | bytes)|\(.value | check("[A-Za-z0-9+/]*=*"))"),
        (if .flaw then "!|was \(.flaw) while it was backed up: \($path)" else empty end)
    end)
'

`;

/** From the root of a snapshot to the table. */
export const LIST_PART: string = `# --- the list of files --------------------------------------------------------------------------------------------

# Fills $W/table with the records of JQ_WALK.
load_table() {
  mkdir -p "$W/m"
  echo "$found" | cut -d'|' -f5 >"$W/ids"
  level=$(echo "$found" | cut -d'|' -f6)
  while :; do
    fetch_meta "$W/ids"
    : >"$W/below"
    while read -r id; do
      [ -f "$W/m/$id" ] || { problem "a part of the list of files is lost ($id)"; continue; }
      jq -r "$JQ_TEXT"'select(.id) | .id | check("[0-9a-f]{64}")' "$W/m/$id" >>"$W/below" || problem "a part of the list of files makes no sense ($id)"
    done <"$W/ids"
    mv "$W/below" "$W/ids"
    [ "$level" -gt 0 ] || break
    level=$((level - 1))
  done
  fetch_meta "$W/ids"
  : >"$W/table"
  segment=0
  while read -r id; do
    segment=$((segment + 1))
    [ -f "$W/m/$id" ] || { problem "a part of the list of files is lost ($id)"; continue; }
    jq -nr --arg segment $segment "$JQ_TEXT$JQ_WALK" "$W/m/$id" >>"$W/table" || problem "a part of the list of files makes no sense ($id)"
    rm -f "$W/m/$id"
  done <"$W/ids"
  grep '^!' "$W/table" | cut -d'|' -f2- | while IFS= read -r message; do problem "$message"; done
}

# select_path PATH: keeps in the table what lies there, and the directories above. A hard link whose first path stays
# out takes over its content.
select_path() {
  awk -F'|' '$1 == "N" && $2 == "h"' "$W/table" >"$W/links"
  WANT=$1 awk -F'|' -v OFS='|' '
    function within(p) { return want == "/" || p == want || index(p, want "/") == 1 }
    BEGIN { want = ENVIRON["WANT"] }
    FILENAME == ARGV[1] { if (within($10) && !within($8) && !($8 in taken)) taken[$8] = $10; next }
    $1 != "N" { next }
    $2 == "h" && ($8 in taken) { if (taken[$8] == $10) next; $8 = taken[$8] }
    within($10) || ($2 == "d" && index(want, $10 "/") == 1) { print; next }
    $10 in taken { $10 = taken[$10]; print }
  ' "$W/links" "$W/table" >"$W/nodes"
  [ -n "$(WANT=$1 awk -F'|' 'BEGIN { want = ENVIRON["WANT"] } want == "/" || $10 == want { print "x"; exit }' "$W/nodes")" ] || die "there is no $1 in the snapshot"
  cut -d'|' -f9 "$W/nodes" | sort -u >"$W/kept"
  grep -v '^N' "$W/table" | sort -s -t'|' -k2,2 | join -t'|' -1 1 -2 2 -o 2.1,2.2,2.3,2.4,2.5 "$W/kept" - | sed 's/|*$//' >>"$W/nodes"
  mv "$W/nodes" "$W/table"
}

# Adds the chunks of files that have a list of their own.
load_lists() {
  grep '^L' "$W/table" >"$W/lists" || return 0
  cut -d'|' -f3 "$W/lists" | sort -u >"$W/ids"
  while [ -s "$W/ids" ]; do
    fetch_meta "$W/ids"
    : >"$W/below"
    while read -r id; do
      [ -f "$W/m/$id" ] || continue
      jq -r "$JQ_TEXT"'if type == "object" then .level else check("[0-9a-f]{64}") end' "$W/m/$id" >"$W/m/$id.list" || rm "$W/m/$id.list"
      [ "$(head -n 1 "$W/m/$id.list")" = 0 ] || tail -n +2 "$W/m/$id.list" >>"$W/below"
    done <"$W/ids"
    sort -u "$W/below" >"$W/ids"
  done
  while IFS='|' read -r _ n id; do
    emit_list "$id" | awk -v n="$n" '{ print "c|" n "|" NR - 1 "|" $0 }' >>"$W/table"
  done <"$W/lists"
}

# emit_list ID: the chunks of a list in order. A part that is lost stands there as itself, and is then found nowhere.
emit_list() (
  [ -f "$W/m/$1.list" ] || { echo "$1"; return; }
  if [ "$(head -n 1 "$W/m/$1.list")" = 0 ]; then
    tail -n +2 "$W/m/$1.list"
  else
    tail -n +2 "$W/m/$1.list" | while read -r below; do emit_list "$below"; done
  fi
)

`;
