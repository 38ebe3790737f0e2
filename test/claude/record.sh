# The plain recorder, a hook beside publish. Keeps the bytes of stdin untouched in DIR/NAME.payload and the BUN_
# variables that reached it in DIR/NAME.env. Must not be offhook in any way. Usage: record.sh DIR
name=$(mktemp "$1/XXXXXXXXXXXX") || exit 1
env | grep '^BUN_' >"$name.env"
cat >"$name" && mv "$name" "$name.payload"
