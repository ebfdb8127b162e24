/**
 * recover.sh, the middle: where chunks lie, and unpacking the packs that hold them, each once. Every chunk is checked by
 * its length and, where there is openssl, by its id; what one pack does not yield is taken from others. Shell text only.
 */

/** From index objects to checked chunks in a temporary folder. */
export const CHUNKS_PART: string = String.raw`# --- chunks -------------------------------------------------------------------------------------------------------

# Fills $W/packs.map and $W/meta.map: chunk|length|pack, sorted.
load_index() {
  : >"$W/index"
  for file in "$R"/index/*/*.age; do
    [ -f "$file" ] || continue
    open_object "$file" "$W/object" || { problem "$file cannot be read"; continue; }
    jq -nr "$JQ_TEXT"'foreach inputs as $l (null; if $l.name then $l.name | check("(packs|meta)/[0-9A-Z]{26}/[0-9]{8}\\.tar\\.zst\\.age") else . end;
      . as $pack | $l.chunks // [] | .[] | "\(.[0])|\(.[2])|\($pack)")' "$W/object" >>"$W/index" || problem "$file makes no sense"
  done
  for kind in packs meta; do
    grep "|$kind/" "$W/index" | sort -u >"$W/$kind.map"
    rm -f "$W/$kind.tocs"
  done
  rm "$W/index"
}

# Adds what packs say of themselves that no index object describes: only when chunks are missing.
read_tocs() {
  : >"$W/$1.tocs"
  cut -d'|' -f3 "$W/$1.map" | sort -u >"$W/described"
  (cd "$R" && ls -d "$1"/*/*.tar.zst.age 2>/dev/null) | sort | comm -23 - "$W/described" >"$W/undescribed"
  while read -r pack; do
    say "no index object describes $pack: reading it"
    "$AGE" -d -i "$W/D" "$R/$pack" 2>>"$W/age.log" | zstd -dcq 2>>"$W/age.log" | tar -xOf - toc.jsonl 2>>"$W/age.log" |
      jq -r --arg pack "$pack" '.chunks // [] | .[] | "\(.[0])|\(.[2])|\($pack)"' >>"$W/$1.tocs"
  done <"$W/undescribed"
  sort -u -o "$W/$1.map" "$W/$1.map" "$W/$1.tocs"
}

# hmac KEY_HEX: HMAC-SHA-256 of standard input, in hex, without showing the key to other users.
hmac() {
  cat >"$W/text"
  for pad in 54 92; do
    printf %s "$1" | sed 's/../& /g' | awk -v pad=$pad '{
      for (i = 1; i <= 64; i++) {
        a = i <= NF ? index("0123456789abcdef", substr($i, 1, 1)) * 16 + index("0123456789abcdef", substr($i, 2, 1)) - 17 : 0
        x = 0
        for (bit = 1; bit < 256; bit *= 2) if (int(a / bit) % 2 != int(pad / bit) % 2) x += bit
        printf "\\0%03o", x
      } }' >"$W/pad.$pad"
  done
  { printf %b "$(cat "$W/pad.92")"; printf %b "$({ printf %b "$(cat "$W/pad.54")"; cat "$W/text"; } | sha256sum | to_octal)"; } | sha256sum | cut -c 1-64
}

# The hex digits of standard input as escapes for printf %b.
to_octal() {
  cut -c 1-64 | sed 's/../& /g' | awk '{
    for (i = 1; i <= NF; i++) printf "\\0%03o", index("0123456789abcdef", substr($i, 1, 1)) * 16 + index("0123456789abcdef", substr($i, 2, 1)) - 17 }'
}

# The key under which chunks are named: HKDF-SHA-256 of the secret.
load_chunk_key() {
  chunk_key=
  command -v openssl >/dev/null || { say 'there is no openssl: content is not checked against its ids'; return; }
  salt=$(printf %s "$own" | od -An -v -tx1 | tr -d ' \n')
  prk=$(jq -r .secret "$W/bundle" | base64 -d | hmac "$salt")
  chunk_key=$(printf 'icecore/1 chunk id\001' | hmac "$prk")
}

# unpack PACK: its chunks into $W/c, and $W/have: chunk|length of the good ones, sorted.
unpack() {
  rm -rf "$W/c"
  mkdir "$W/c"
  { "$AGE" -d -i "$W/D" "$R/$1" 2>>"$W/age.log" | zstd -dcq 2>>"$W/age.log" | tar -xf - -C "$W/c" 2>>"$W/age.log"; } || :
  du -ab "$W/c" | awk -F'[\t/]' 'length($NF) == 64 { print $NF "|" $1 }' | sort >"$W/have"
  if [ -n "$chunk_key" ] && [ -s "$W/have" ]; then
    (cd "$W/c" && cut -d'|' -f1 "$W/have" | xargs openssl dgst -sha256 -mac HMAC -macopt "hexkey:$chunk_key" -r) |
      awk '$1 == substr($2, 2) { print $1 }' >"$W/true"
    join -t'|' "$W/true" "$W/have" >"$W/good"
    mv "$W/good" "$W/have"
  fi
}

# take KIND USE: $W/todo has lines chunk|…, sorted. Unpacks each pack that is needed once and calls USE, with lines
# chunk|length|pack|… in $W/ready. What a pack does not yield is looked for in others. What is nowhere: $W/lost.
take() {
  : >"$W/bad"
  : >"$W/lost"
  while [ -s "$W/todo" ]; do
    awk -F'|' 'FILENAME == ARGV[1] { bad[$1]; next } !($3 in bad) && $1 != last { print; last = $1 }' "$W/bad" "$W/$1.map" >"$W/places"
    join -t'|' -v2 "$W/places" "$W/todo" >>"$W/lost"
    join -t'|' "$W/places" "$W/todo" | sort -s -t'|' -k3,3 >"$W/plan"
    rm -rf "$W/by"
    mkdir "$W/by"
    : >"$W/by/packs"
    awk -F'|' -v by="$W/by/" '$3 != last { if (last) close(by k); k++; print $3 > (by "packs"); last = $3 } { print > (by k) }' "$W/plan"
    : >"$W/again"
    k=0
    total=$(wc -l <"$W/by/packs")
    while read -r pack <&3; do
      k=$((k + 1))
      [ "$1" = meta ] || say "pack $k of $total: $pack"
      unpack "$pack"
      join -t'|' "$W/have" "$W/by/$k" | awk -F'|' '$2 == $3' | cut -d'|' -f1,3- >"$W/ready"
      join -t'|' -v2 "$W/ready" "$W/by/$k" | cut -d'|' -f1,4- >"$W/missing"
      if [ -s "$W/missing" ]; then
        problem "$pack is damaged, or not there"
        echo "$pack" >>"$W/bad"
        cat "$W/missing" >>"$W/again"
      fi
      "$2"
      rm "$W/by/$k"
    done 3<"$W/by/packs"
    sort "$W/again" >"$W/todo"
  done
  rm -rf "$W/c"
  if [ -s "$W/lost" ] && [ ! -f "$W/$1.tocs" ]; then
    read_tocs "$1"
    [ -s "$W/$1.tocs" ] || return 0
    sort "$W/lost" >"$W/todo"
    take "$1" "$2"
  fi
}

keep_meta() {
  cut -d'|' -f1 "$W/ready" | uniq | while read -r id; do mv "$W/c/$id" "$W/m/$id"; done
}

# fetch_meta IDS: brings chunks of the list of files into $W/m.
fetch_meta() {
  sort -u "$1" >"$W/todo"
  take meta keep_meta
}

`;
