"""JupyterLab as `make lab` starts it: for a learner, quiet, and off the network.

`page_config.json` names what is left out. jupyterlab-myst is: the chapters are plain
Markdown, and it would take the answers out of their `<details>`.
"""

import os
from pathlib import Path

HERE = Path(__file__).resolve().parent

c = get_config()  # noqa: F821 - given by Jupyter
# The learner's own folder: what they wrote, what they downloaded, and nothing else.
c.ServerApp.root_dir = str(HERE.parent.parent / "work")
c.LabApp.default_url = "/lab/tree/00_start.ipynb"
c.LabApp.app_settings_dir = str(HERE)
os.environ["PYTHONSTARTUP"] = str(HERE / "startup.py")  # of every kernel
c.Application.log_level = "WARN"  # the address is printed all the same

# Neither news nor updates nor extensions are asked for.
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"

# What an instructor needs of nbgrader stays away; its Validate button stays.
c.ServerApp.jpserver_extensions = {
    f"nbgrader.server_extensions.{name}": False
    for name in ("assignment_list", "course_list", "formgrader")
}
