"""What djangorestframework-jwt 1.11 does at its defaults, written for this example after reading its source.

Debian does not package that library. Its rules are few: which header it takes, what it says about a token that it does not
take, and what its three views respond with.
"""
