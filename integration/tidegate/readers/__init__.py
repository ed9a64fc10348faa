"""The readers: from hostile bytes to text records, without an engine.

Whatever a file holds, every record of it becomes exactly one row of text cells: a malformed one is a row of nulls that
says in `_problems` why, so a row's position is its record number. Values stay text; the engine casts them. What cannot
be split into records at all raises `SourceUnreadable`.
"""
