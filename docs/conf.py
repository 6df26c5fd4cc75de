"""Sphinx's configuration for the course's website; `course site` runs Sphinx with it."""

from course_lib import __version__

project = "The machine learning an AI engineer needs"
html_title = "ML for AI engineers"
version = release = __version__
language = "en"

extensions = [
    "myst_nb",
    "course_lib.site.autodoc",  # the reference, from docstrings
    "course_lib.site.found",  # descriptions, and how the search ranks
    "course_lib.site.html_pages",  # links to figures, names for a screen reader
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx-mathjax-offline",
]

# ---- the notebooks: shown as they were committed, never executed
nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["colon_fence", "dollarmath", "tasklist"]
myst_heading_anchors = 3  # as GitHub makes them, so that links work in both places

# ---- the reference: course_lib.site.autodoc brings autodoc and napoleon
default_role = "py:obj"  # `name` is a link where the name is known, else code
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
add_module_names = False
napoleon_google_docstring = True
napoleon_numpy_docstring = False

# ---- the look
highlight_language = "none"  # of a block that names none: what one types into a terminal
html_theme = "sphinx_book_theme"
html_static_path = ["static"]
html_css_files = ["course.css"]
html_favicon = "static/icon.svg"
html_context = {"default_mode": "auto"}  # light or dark: the reader's system decides at first
html_use_index = False  # the search finds more
html_domain_indices = False
html_copy_source = True  # a page's download link leads there
html_show_sourcelink = False
html_theme_options = {
    "navbar_persistent": [],
    "use_download_button": False,  # the link stands under the notebook's title
    "use_fullscreen_button": False,
    "show_navbar_depth": 1,
    "show_toc_level": 2,
    "search_bar_text": "Search the course",
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "footer_content_items": ["extra-footer.html"],
    "extra_footer": "Code: MIT licence. Text and data: CC BY 4.0.",
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"
