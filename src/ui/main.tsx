import { render } from 'preact';
import { browserSurroundings } from '../app/browser-surroundings.ts';
import { createApp } from '../app/create-app.ts';
import { Page } from './page.tsx';
import './styles/layout.css';
import './styles/controls.css';
import './styles/face.css';
import './styles/wish-and-results.css';

const app = createApp(browserSurroundings());
render(<Page app={app} />, document.body);
app.start();
