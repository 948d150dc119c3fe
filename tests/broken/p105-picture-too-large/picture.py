from PIL import Image

Image.new("1", (6000, 5000)).save("campaigns/bron.png")
