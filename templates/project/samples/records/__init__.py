# SPDX-License-Identifier: 0BSD
"""What tasks write down, so that none is lost and none is done twice."""
