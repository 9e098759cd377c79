"""Everything is in pyproject.toml, but for the ComfyUI graphs: they lie beside the package and go into it."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithGraphs(build_py):
    """Copies `comfy_graphs/` to `ad_pipeline/comfy_graphs/` of what is installed."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / "ad_pipeline" / "comfy_graphs"
        self.mkpath(str(target))
        for file in sorted(Path("comfy_graphs").glob("*.*")):
            self.copy_file(str(file), str(target / file.name))


setup(cmdclass={"build_py": BuildWithGraphs})
