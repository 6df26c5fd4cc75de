"""The course as a website: the notebooks as they are committed, the guides, the API reference.

`command` is ``course site``. It fills a folder with what is to be read (`pages`, `notebook_pages`,
`landing`, `reference`), laid out like the repository so that links keep working, and Sphinx makes
HTML of it with docs/conf.py. Nothing is executed and nothing is fetched.
"""
