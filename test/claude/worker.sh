# The consumer of these runs that runs something. Keeps in DIR/NAME.event what came on stdin, in NAME.file its argument,
# in NAME.env the BUN_ variables that reached it. Usage: worker.sh DIR FILE
name=$(mktemp "$1/XXXXXXXXXXXX") || exit 1
env | grep '^BUN_' >"$name.env"
printf '%s' "$2" >"$name.file"
cat >"$name" && mv "$name" "$name.event"
