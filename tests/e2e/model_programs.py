"""Programs of the model test that failed once, or that show what it can see: (program, config)."""

PROGRAMS = {
    "a life": ([("create", "file", 0, True), ("create", "exchange", 1, True),
                ("create", "file", 2, True), ("sync",), ("edit", "file", 0, 0),
                ("edit", "crm", 1, 1), ("edit", "exchange", 2, 0), ("sync",),
                ("edit", "file", 0, 0), ("edit", "crm", 0, 0), ("settle",),
                ("delete", "file", 0), ("delete", "exchange", 1), ("delete", "crm", 2)], {}),
    "renamed while its deletion in Exchange is held": (
        [("many", "exchange", 0, False), ("sync",), ("empty", "exchange", 0), ("rename", 1)], {}),
}
