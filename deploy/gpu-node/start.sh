#!/bin/sh
# Links what packs want in their own folders from the mounted models, then becomes ComfyUI.
set -eu

link_tree() { # every file of $1 at the same place under $2
    [ -d "$1" ] || return 0
    (cd "$1" && find . -type f) | while IFS= read -r file; do
        mkdir -p "$2/$(dirname "$file")"
        ln -sf "$1/$file" "$2/$file"
    done
}

link_tree /models/mmaudio /opt/comfyui/models/mmaudio
link_tree /models/custom_nodes /opt/comfyui/custom_nodes
# Other packs find insightface's models in models/insightface; LatentSync's face detector looks for
# checkpoints/auxiliary/models/buffalo_l where ComfyUI is started, and nowhere else.
link_tree /models/insightface /opt/comfyui/checkpoints/auxiliary

mkdir -p /data/output /data/input /data/temp /data/user
# No login, no encryption: only a network that nobody else is in may reach this port.
exec python main.py --listen 0.0.0.0 --port 8188 --disable-auto-launch --preview-method auto \
    --output-directory /data/output --input-directory /data/input --temp-directory /data/temp \
    --user-directory /data/user --database-url sqlite:////data/user/comfyui.db "$@"
