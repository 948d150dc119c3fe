"""A small picture, three to two."""

from PIL import Image

Image.new("RGB", (30, 20), "#a3203c").save("campaigns/bron.png")
