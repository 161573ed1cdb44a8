"""The course for stock nbgrader: `nbgrader autograde`, the formgrader and the API take the trusted path.

Everything is named by text, so that this file can be read where the grader is not installed.
"""

c = get_config()

c.CourseDirectory.course_id = "dockbook"
c.CourseDirectory.ignore = [
    ".ipynb_checkpoints",
    "*.pyc",
    "__pycache__",
    "feedback",
    ".nbgrader.log",
    "kernel-ipc-*",
    "answers.toml",  # worked answers are for those who learn alone, in `dockbook lab`
    # What systems and editors leave next to a notebook: a copy of it has the hidden tests in it.
    *(".DS_Store", "._*", "__MACOSX", "Thumbs.db", "desktop.ini"),
    *("*~", "*.bak", "*.old", "*.orig", "*.rej", "*.save", "*.tmp", "*.part"),
    *("*.sw?", "#*#", "*.ipynb?*", "*.~*", ".*"),
]

# Submissions are read, run and judged by grader.grading; nbgrader keeps the folders and the gradebook.
c.Autograde.exporter_class = "grader.grading.nbgrader_hooks.TolerantExporter"
c.Autograde.sanitize_preprocessors = [
    "grader.grading.nbgrader_hooks.TrustedReassembly",
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.Autograde.autograde_preprocessors = [
    "grader.grading.nbgrader_hooks.TrustedExecute",
    "nbgrader.preprocessors.LimitOutput",
    "grader.grading.nbgrader_hooks.TrustedSaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.Autograde.post_convert_hook = "grader.grading.nbgrader_hooks.drop_links"

# Feedback and the formgrader show what students wrote: without their HTML. nbgrader's own templates would
# show that of written answers all the same, so Markdown goes through Dockbook's own filter.
c.HTMLExporter.sanitize_html = True
c.GenerateFeedback.exporter_class = "grader.grading.feedback.FeedbackExporter"
c.HTMLExporter.filters = {"markdown2html": "grader.grading.safe_markdown.markdown"}

# `nbgrader zip_collect` takes what `dockbook submit` writes. Files that a learning platform renames need
# c.FileNameCollectorPlugin.named_regexp as well; then only the platform's names say who submitted a file.
c.ZipCollectApp.collector_plugin = "grader.grading.collect.Collector"
c.ZipCollectApp.extractor_plugin = "grader.grading.unpack.Extractor"
