"""Virtual machines and clouds that are run on site: lists of machines, OpenStack, CloudKitty."""
