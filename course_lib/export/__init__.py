"""`course export`: the course for a class, made from the same notebooks and exercises.

An instructor's edition with every solution in place, a student's copy without any, and nbgrader
assignments. `course_lib.export.command` is the command.
"""
