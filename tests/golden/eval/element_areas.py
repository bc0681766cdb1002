"""Areas of surface elements as google-deepmind/surface-distance publishes them, commit 57c1e2c:

    python3 element_areas.py > element_areas.json      (needs that package)

The areas of one pattern and of its complement are equal, so 128 of the 256 are kept.
"""
import json

from surface_distance.lookup_tables import create_table_neighbour_code_to_surface_area as areas

spacings = [[1, 1, 1], [3, 2, 1], [0.7, 0.9, 5]]
print(json.dumps([{"spacing": s, "areas": [round(float(a), 12) for a in areas(s)[:128]]} for s in spacings]))
