"""The course as a website: the notebooks as they are committed, the guides, the API reference.

`command` is ``course site``. It fills a folder with what is to be read (`pages`, `notebook_pages`,
`landing`, `reference`), laid out like the repository so that links keep working (`links`), with
links where a text names a notebook or an exercise (`cross_references`). Sphinx makes HTML of it
with docs/conf.py; `autodoc` is what it reads docstrings with, `found` and `html_pages` add to the
pages. Nothing is executed and nothing is fetched.
"""
