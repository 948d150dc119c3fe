from io import BytesIO
from pathlib import Path

from PIL import Image

out = BytesIO()
Image.effect_noise((60, 40), 90).save(out, "PNG")
Path("campaigns/bron.png").write_bytes(out.getvalue()[:900])
