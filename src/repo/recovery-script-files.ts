/**
 * recover.sh, the part that makes files of what the table says: content first, then links and special files, then owners,
 * modes and times, directories last. Shell text only.
 */

/** From the table to files. */
export const RESTORE_PART: string = String.raw`# --- restoring ----------------------------------------------------------------------------------------------------

# decode TEXT: sets p to the bytes of a name. Most names are their own text and cost no process.
decode() {
  case $1 in
    *\\*)
      p=$(printf '%b_' "$1")
      p=@{p%_}
      ;;
    *) p=$1 ;;
  esac
}

# Fills $W/todo: chunk|n|place in the file|place in the chunk|length|length of the chunk|size|path, for every piece, and
# $W/empty: size|path of what is made in advance. $W/broken: files whose chunks do not add up.
plan_pieces() {
  awk -F'|' '$1 == "c" { print $4 }' "$W/table" | sort -u >"$W/ids"
  join -t'|' -v1 "$W/ids" "$W/packs.map" >"$W/unknown"
  [ ! -s "$W/unknown" ] || read_tocs packs
  awk -F'|' '$1 != last { print $1 "|" $2; last = $1 }' "$W/packs.map" >"$W/lengths"
  {
    awk -F'|' -v OFS='|' '$1 == "N" && $2 == "f" { print $9, 0, 0, $7, $10 } $1 == "x" { print $2, 1, $3, $4, $5 }' "$W/table"
    awk -F'|' -v OFS='|' '$1 == "c" { print $4, $2, $3 }' "$W/table" | sort | join -t'|' -a1 -e- -o 2.2,1.1,1.2,1.3 - "$W/lengths" |
      awk -F'|' -v OFS='|' '{ print $3, 2, $4, $2, $1 }'
  } | sort -t'|' -k1,1 -k2,2n -k3,3n | awk -F'|' -v OFS='|' -v empty="$W/empty" -v broken="$W/broken" '
    function finish() {
      if (n == "") return
      if (isLost || used != wanted) print n, path > broken
      if (!isSimple) print size, path > empty
    }
    $2 == 0 { finish(); n = $1; size = $4; path = $5; extents = 0; used = 0; wanted = 0; e = 1; at = 0; isLost = 0; isSimple = 0; next }
    $1 != n { next }
    $2 == 1 { extents++; from[extents] = $4; len[extents] = $5; wanted += $5; next }
    {
      if (extents == 0) { extents = 1; from[1] = 0; len[1] = wanted = size }
      if ($5 == "-") { isLost = 1; next }
      if (isLost) next
      isSimple = used == 0 && $5 == size
      for (done = 0; done < $5; done += piece) {
        while (e <= extents && at == len[e]) { e++; at = 0 }
        if (e > extents) { isLost = 1; break }
        piece = $5 - done < len[e] - at ? $5 - done : len[e] - at
        printf "%s|%s|%.0f|%.0f|%.0f|%s|%s|%s\n", $4, n, from[e] + at, done, piece, $5, size, path
        at += piece
      }
      used += $5
    }
    END { finish() }
  ' | sort >"$W/todo"
}

write_pieces() {
  while IFS='|' read -r id _ _ _ place skip length whole size path; do
    decode "$path"
    if [ "$length" = "$size" ] && [ "$length" = "$whole" ]; then
      cat "$W/c/$id" >"$T$p" || die "cannot write $T$p"
    else
      dd if="$W/c/$id" of="$T$p" bs=1M iflag=skip_bytes,count_bytes oflag=seek_bytes conv=notrunc status=none \
        skip="$skip" count="$length" seek="$place" || die "cannot write $T$p"
    fi
  done <"$W/ready"
}

# apply COMMAND: runs it for lines value|path, for runs of the same value at once.
apply() {
  last=
  set -- "$1"
  while IFS='|' read -r value path; do
    decode "$path"
    [ -e "$T$p" ] || [ -h "$T$p" ] || continue
    if [ "$value" != "$last" ] || [ $# -gt 100 ]; then
      [ $# -eq 1 ] || run_on "$last" "$@"
      set -- "$1"
      last=$value
    fi
    set -- "$@" "$T$p"
  done
  [ $# -eq 1 ] || run_on "$last" "$@"
}

run_on() {
  value_=$1
  command_=$2
  shift 2
  case $command_ in
    owner) chown -h "$value_" -- "$@" ;;
    mode) chmod "$value_" -- "$@" ;;
    time) touch -h -d "@$value_" -- "$@" ;;
  esac || problem "some $command_ could not be set"
}

make_specials() {
  while IFS='|' read -r _ type _ _ _ _ _ extra _ path; do
    decode "$path"
    at=$T$p
    if [ -e "$at" ] || [ -h "$at" ]; then
      problem "$path is there already"
      continue
    fi
    decode "$extra"
    case $type in
      l) ln -s -- "$p" "$at" ;;
      p) mkfifo -- "$at" ;;
      b | c) mknod "$at" "$type" "@{extra% *}" "@{extra#* }" ;;
      h) ln -P -- "$T$p" "$at" ;;
    esac || problem "$path could not be made"
  done
}

set_attributes() {
  grep '^a' "$W/table" | sort -s -t'|' -k2,2 >"$W/attributes"
  [ -s "$W/attributes" ] || return 0
  if ! command -v setfattr >/dev/null; then
    problem "there is no setfattr: $(wc -l <"$W/attributes") extended attributes are not restored"
    return
  fi
  awk -F'|' '$1 == "N" { print $9 "|" $10 }' "$W/table" | sort -s -t'|' -k1,1 | join -t'|' -1 1 -2 2 -o 2.3,2.4,1.2 - "$W/attributes" |
    while IFS='|' read -r name value path; do
      decode "$name"
      attribute=$p
      [ -z "$value" ] || value=0s$value
      decode "$path"
      setfattr -h -n "$attribute" -v "$value" -- "$T$p" || problem "$path: attribute $name could not be set"
    done
}

nodes() { awk -F'|' -v types="$1" '$1 == "N" && index(types, $2)' "$W/table"; }

restore() {
  mkdir -p -- "$T" || die "cannot make $T"
  [ -z "$(ls -A -- "$T")" ] || die "$T is not empty"
  T=$(cd -- "$T" && pwd)
  : >"$W/broken"
  : >"$W/empty"
  # Symbolic links come after everything else, so nothing is ever written through one.
  nodes d | while IFS='|' read -r _ _ _ _ _ _ _ _ _ path; do
    decode "$path"
    printf '%s\0' "$T$p"
  done | xargs -0 -r mkdir -p -- || problem 'some directories could not be made'
  plan_pieces
  while IFS='|' read -r size path; do
    decode "$path"
    : >"$T$p" || { problem "cannot make $path"; continue; }
    [ "$size" = 0 ] || truncate -s "$size" -- "$T$p" || problem "cannot make $path"
  done <"$W/empty"
  take packs write_pieces
  cut -d'|' -f2,8 "$W/lost" >>"$W/broken"
  sort -u "$W/broken" | while IFS='|' read -r n path; do
    decode "$path"
    [ ! -e "$T$p" ] || mv -- "$T$p" "$T/.icecore-incomplete-$n"
    problem "$path is incomplete: what is left of it is in $T/.icecore-incomplete-$n"
  done
  nodes lpbc | make_specials
  nodes h | make_specials
  if [ "$(id -u)" = 0 ]; then
    awk -F'|' '$1 == "N" && $2 != "h" { print $4 ":" $5 "|" $10 }' "$W/table" | sort -s -t'|' -k1,1 | apply owner
  fi
  set_attributes
  nodes fpbc | awk -F'|' '{ print $3 "|" $10 }' | sort -s -t'|' -k1,1 | apply mode
  nodes flpbcd | awk -F'|' '{ print $6 "|" $10 }' | sort -s -t'|' -k1,1 | apply time
  # From the bottom up: a directory may end up closed to whoever restores.
  nodes d | awk -F'|' '{ print $3 "|" $10 }' | tac | apply mode
}

`;
