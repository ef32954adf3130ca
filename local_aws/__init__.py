"""The local AWS: the ministack emulator, corrected, with one real MariaDB per Aurora cluster.

It runs in a virtual environment of its own (requirements/local-aws.txt) as
``python -m local_aws --port PORT --directory DIRECTORY`` and is used through
:mod:`trading.local.local_target`. What it corrects is in :mod:`local_aws.corrections`.
"""
