  # dockerd reads a build's parameters in a form, too, and BuildKit in its own channel, and no plugin sees
  # either: what a container is made with is looked at here.
  refuse() { echo "this course's engine $1" >&2; exit 1; }
  grep -q '"type":"network"' "$bundle/config.json" || refuse "runs nothing in the host's network"
  ! test -d @STUDENT@ || grep -q '"cgroupsPath":"/student/' "$bundle/config.json" ||
    refuse "runs nothing outside its control group"
