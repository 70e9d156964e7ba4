"""The notebook: the only folder that imports IPython, ipywidgets and anywidget."""
