#!/bin/sh
# Fetches one commit of a node pack, no more of its history, and installs what it requires.
set -eu
url=$1 commit=$2 folder=$(basename "$1")
git init -q "$folder"
git -C "$folder" fetch -q --depth 1 "$url" "$commit"
git -C "$folder" checkout -q FETCH_HEAD
rm -rf "$folder/.git"
[ ! -f "$folder/requirements.txt" ] || /opt/venv/bin/pip install -r "$folder/requirements.txt"
