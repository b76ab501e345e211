"""The methods for series, a file each; :data:`amiss.series.METHODS` lists them."""
