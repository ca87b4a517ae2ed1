"""What is shipped: the image, its deployments, and how-tos that are walked through."""
