"""What a first start makes so that a newcomer has something to call; nothing here changes what is there already."""
