"""DTE-C as its authors describe it, in PyTorch: the peer that ``amiss.detectors.DTE`` and the default are held against.

Livernoche, Jain, Hezaveh and Ravanbakhsh, On diffusion modeling for anomaly detection, ICLR 2024: 400 times of a linear
noise schedule from 1e-4 to .01 without drift, seven classes of time, layers of 256, 512 and 256 with dropout of a half
behind the second and third, 400 epochs of Adam at 1e-4 with weight decay 5e-4 in batches of 64. The authors' program
hands the softmax's chances to a cross-entropy that takes logits, which is kept here: it is what was published.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

LAYERS, DROPOUT, TIMES, BINS = (256, 512, 256), 0.5, 400, 7
EPOCHS, BATCH, RATE, DECAY = 400, 64, 1e-4, 5e-4


def network(columns: int) -> nn.Module:
    """Rows (rows, columns) -> chances of each class of time (rows, bins)."""
    first, *others = LAYERS
    layers: list[nn.Module] = [nn.Linear(columns, first), nn.ReLU()]
    for units, following in zip(LAYERS, others):
        layers += [nn.Linear(units, following), nn.ReLU(), nn.Dropout(DROPOUT)]
    return nn.Sequential(*layers, nn.Linear(LAYERS[-1], BINS), nn.Softmax(1))


def score(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    """(rows,) the class of time that the network expects of each row of ``test``."""
    torch.manual_seed(seed)
    rows = torch.from_numpy(train).float()
    noise = (1 - (1 - torch.linspace(1e-4, 0.01, TIMES)).cumprod(0)).sqrt()
    net = network(rows.shape[1]).train()
    adam = torch.optim.Adam(net.parameters(), RATE, weight_decay=DECAY)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(rows)).split(BATCH):
            time = torch.randint(0, TIMES, (len(batch),))
            noisy = rows[batch] + noise[time, None] * torch.randn(len(batch), rows.shape[1])
            loss = nn.functional.cross_entropy(net(noisy), time * BINS // TIMES)
            adam.zero_grad()
            loss.backward()
            adam.step()
    net.eval()
    with torch.no_grad():
        return (net(torch.from_numpy(test).float()) @ torch.arange(BINS).float()).numpy()
