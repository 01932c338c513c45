"""Writes scaled.json, what Pillow makes of one picture in each of its ways to scale: `python test/data/scaled.py`

Pillow 12. The picture is a formula that image.test.ts knows, too; [C, H, W] bytes as base64.
"""

import base64
import json
import pathlib

import numpy
from PIL import Image

y, x = numpy.mgrid[0:31, 0:44]
planes = [(x * 7 + y * 3) % 256, (x * x // 9 + y * 5) % 256, ((x - 20) ** 2 + (y - 15) ** 2) // 3]
picture = Image.fromarray(numpy.stack(planes, -1).astype(numpy.uint8))
ways = {'nearest': 0, 'bilinear': 2, 'bicubic': 3, 'lanczos': 1}
scaled = {name: numpy.asarray(picture.resize((22, 17), way)).transpose(2, 0, 1) for name, way in ways.items()}
text = json.dumps({name: base64.b64encode(pixels.tobytes()).decode() for name, pixels in scaled.items()}, indent=2)
(pathlib.Path(__file__).parent / 'scaled.json').write_text(text + '\n')
