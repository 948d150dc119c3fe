from PIL import Image

Image.new("RGB", (30, 20)).save("campaigns/bron.png", "JPEG")
